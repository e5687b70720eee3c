import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { runTool, viteBuild } from './build.mjs';
import { DIST, fail, ROOT } from './say.mjs';

/** @typedef {{ version: string, integrity?: string, license?: string, dependencies?: Record<string, string>, link?: boolean }} LockEntry */
/** @typedef {{ name: string, version: string, licence: string }} Bundled */

const readJson = (/** @type {string} */ path) => JSON.parse(readFileSync(path, 'utf8'));
const sha256 = (/** @type {string | Buffer} */ bytes) => createHash('sha256').update(bytes).digest('hex');

/** Entries of the lock file that another package could be put in the place of. @param {Record<string, LockEntry>} packages */
export const withoutIntegrity = (packages) =>
  Object.entries(packages)
    .filter(
      ([path, entry]) =>
        path !== '' && entry.link !== true && !/^sha512-[A-Za-z0-9+/]{86}==$/.test(entry.integrity ?? ''),
    )
    .map(([path]) => path);

/** CycloneDX's hash of a lock entry. @param {LockEntry | undefined} entry */
const hashesOf = (entry) =>
  entry?.integrity === undefined
    ? []
    : [{ alg: 'SHA-512', content: Buffer.from(entry.integrity.slice('sha512-'.length), 'base64').toString('hex') }];

/** @param {Bundled} bundled @param {Record<string, LockEntry>} packages */
const componentOf = ({ name, version, licence }, packages) => {
  const license = [{ license: { id: licence } }];
  if (version === '') return { type: 'file', 'bom-ref': `font:${name}`, name: `${name} (font)`, licenses: license };
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  return {
    ...{ type: 'library', 'bom-ref': purl, name, version, purl, licenses: license },
    hashes: hashesOf(packages[`node_modules/${name}`]),
  };
};

/**
 * The bill of materials, CycloneDX 1.6: what is in the package that others made. Of one build it is the same every time: its
 * serial number is made from what it says.
 * @param {string} dist
 */
export const billOfMaterials = (dist) => {
  const manifest = readJson(join(ROOT, 'package.json'));
  /** @type {Record<string, LockEntry>} */
  const packages = readJson(join(ROOT, 'package-lock.json')).packages;
  /** @type {Bundled[]} */
  const bundled = ['main', 'renderer'].flatMap((part) => readJson(join(dist, part, 'third-party.json')));
  const electron = packages['node_modules/electron'];
  if (electron !== undefined)
    bundled.push({ name: 'electron', version: electron.version, licence: electron.license ?? 'MIT' });
  const components = [...new Map(bundled.map((one) => [`${one.name}@${one.version}`, one])).values()]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((one) => componentOf(one, packages));
  const self = `pkg:npm/${manifest.name}@${manifest.version}`;
  const says = {
    metadata: {
      component: {
        ...{ type: 'application', 'bom-ref': self, name: manifest.name, version: manifest.version, purl: self },
        licenses: [{ license: { id: manifest.license } }],
      },
    },
    components,
    dependencies: [
      { ref: self, dependsOn: components.map((one) => one['bom-ref']) },
      ...components.map((one) => ({ ref: one['bom-ref'], dependsOn: [] })),
    ],
  };
  const digest = sha256(JSON.stringify(says));
  // The shape of a UUID of version 8: whatever its maker likes.
  const serial = `${digest.slice(0, 8)}-${digest.slice(8, 12)}-8${digest.slice(13, 16)}-8${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
  return { bomFormat: 'CycloneDX', specVersion: '1.6', serialNumber: `urn:uuid:${serial}`, version: 1, ...says };
};

/** Written by `npm run dist`. @param {string} folder @returns {string} where it lies */
export const writeBillOfMaterials = (folder) => {
  const bill = billOfMaterials(DIST);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `tilescope-${bill.metadata.component.version}.cdx.json`);
  writeFileSync(path, `${JSON.stringify(bill, null, 2)}\n`);
  return path;
};

/** Every file below a folder with its digest, in order. @param {string} folder @returns {Map<string, string>} */
export const digestsOf = (folder) => {
  /** @type {[string, string][]} */
  const found = [];
  const walk = (/** @type {string} */ at) => {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      const path = join(at, entry.name);
      if (entry.isDirectory()) {
        if (entry.name !== 'obj') walk(path);
      } else found.push([relative(folder, path), sha256(readFileSync(path))]);
    }
  };
  walk(folder);
  return new Map(found.sort(([a], [b]) => (a < b ? -1 : 1)));
};

/** @param {string} out */
const buildInto = async (out) => {
  rmSync(out, { recursive: true, force: true });
  await viteBuild('main', '--outDir', join(out, 'main'));
  await viteBuild('preload', '--outDir', join(out, 'main'));
  await viteBuild('renderer', '--outDir', join(out, 'renderer'), '--emptyOutDir');
  const code = await runTool('make', ['-s', '-C', 'native', `OUT=${join(out, 'native')}`, 'all']);
  if (code !== 0) fail('building the helper failed; the compiler’s message stands above');
};

/** Which files differ between two builds, or name the folder that they were made in. @param {string} one @param {string} other */
export const differencesOf = (one, other) => {
  const [a, b] = [digestsOf(one), digestsOf(other)];
  const names = [...new Set([...a.keys(), ...b.keys()])];
  const differ = names.filter((name) => a.get(name) !== b.get(name)).map((name) => `${name} differs`);
  const tell = [...a.keys()].filter((name) => readFileSync(join(one, name)).includes(ROOT));
  return [...differ, ...tell.map((name) => `${name} names ${ROOT}`)];
};

/** Builds everything twice, in two places, and holds one against the other. @returns {Promise<boolean>} */
export const buildTwice = async () => {
  const [one, other] = [join(DIST, 'twice', 'a'), join(DIST, 'twice', 'some-other-place')];
  for (const out of [one, other]) await buildInto(out);
  const differences = differencesOf(one, other);
  const digests = digestsOf(one);
  const all = sha256([...digests].map(([name, digest]) => `${digest}  ${name}\n`).join(''));
  process.stdout.write(
    differences.length === 0
      ? `${digests.size} files are the same in two builds; all of them: sha256 ${all}\n`
      : `two builds differ:\n${differences.map((line) => `  ${line}\n`).join('')}`,
  );
  rmSync(join(DIST, 'twice'), { recursive: true, force: true });
  return differences.length === 0;
};

/** What npm itself says of the packages that are installed. @returns {string | null} */
export const problemOfLock = () => {
  const missing = withoutIntegrity(readJson(join(ROOT, 'package-lock.json')).packages);
  return missing.length === 0 ? null : `package-lock.json has no digest for ${missing.join(', ')}`;
};
