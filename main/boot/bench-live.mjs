import { spawnSync } from 'node:child_process';
import { ROOT, which } from './say.mjs';

const OUT = '../dist/native';

/** What looking at a live vCPU and driving it cost, each beside its floor in the same run. Its status; 0 where nothing can be measured. */
export const benchLive = () => {
  if (which('make') === null) {
    console.log('skipped: live vCPUs: make is not here');
    return 0;
  }
  const make = ['-s', '-C', 'native', `OUT=${OUT}`, `${OUT}/bench-live`];
  const built = spawnSync('make', make, { cwd: ROOT, stdio: 'inherit' }).status ?? 1;
  if (built !== 0) return built;
  const programs = ['dist/native/tilescope-helper', 'dist/native/demo-vmm'];
  return spawnSync('dist/native/bench-live', programs, { cwd: ROOT, stdio: 'inherit' }).status ?? 1;
};
