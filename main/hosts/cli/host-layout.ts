import { hexShort } from '../../../app/bits/mask.ts';
import type { Answer } from '../../../app/bridge.ts';
import type { Layout } from '../../../app/capture/image.ts';
import { cpuidEntry } from '../../../app/cpu/cpuid.ts';
import { EXIT } from '../../../app/refusals/exit.ts';
import { answer, refuse, refuseProblem } from '../../../app/refusals/refusal.ts';
import { componentLabel } from '../../../app/xsave/components.ts';
import { cpuVendor } from '../../../app/xsave/facts.ts';
import { holesOf, layoutDoubts, layoutFromCpuid, sameLayout, supervisorPlaces } from '../../../app/xsave/layout.ts';
import { PRESETS } from '../../../app/xsave/presets.ts';
import type { Host } from '../../services/host.ts';
import { jsonText, type Output, table } from './output.ts';

/** The presets whose user components lie where this CPU has them. */
const likeness = (layout: Layout): string[] =>
  PRESETS.filter(({ cpuid, label }) => {
    const preset = layoutFromCpuid(cpuid, label);
    return preset.ok && sameLayout(preset.value, layout);
  }).map(({ name }) => name);

/** `layout` without a file: where this machine's CPU has its components, and what its KVM supports. */
export const hostLayout = async (host: Host, json: boolean): Promise<Answer<Output>> => {
  const facts = await host.hostFacts();
  if (!facts.ok) return facts;
  const { machine, kernelRelease, helper } = facts.value;
  if (machine === null) return refuse('helper-gone', helper.problem ?? 'the helper does not answer');
  const { cpuid, supportedXcr0 } = machine;
  const layout = layoutFromCpuid(cpuid, 'CPUID 0xD of this host');
  if (!layout.ok) return refuseProblem('does-not-fit', layout.problem, { where: 'this host' });
  const supervisors = supervisorPlaces(cpuid);
  const [standard, compacted] = [cpuidEntry(cpuid, 0xd, 0), cpuidEntry(cpuid, 0xd, 1)];
  const report = {
    cpu: cpuVendor(cpuid),
    kernel: kernelRelease,
    totalBytes: layout.value.totalBytes,
    components: [...layout.value.components, ...supervisors.map((place) => ({ ...place, offsetBytes: null }))]
      .map((place) => ({ ...place, name: componentLabel(place.bit) }))
      .sort((a, b) => a.bit - b.bit),
    holes: holesOf(layout.value),
    doubts: layoutDoubts(layout.value, cpuid),
    kvmSupports: supportedXcr0,
    standardBytes: standard === undefined ? null : standard.ebx >>> 0,
    compactedBytes: compacted === undefined ? null : compacted.ebx >>> 0,
    presets: likeness(layout.value),
  };
  if (json) return answer({ text: jsonText(report), code: EXIT.done, note: '' });
  const rows = report.components.map((place) => [
    ...[String(place.bit), place.name, place.supervisor ? 'supervisor' : 'user'],
    ...[place.offsetBytes === null ? '-' : String(place.offsetBytes), String(place.sizeBytes)],
    [place.aligned64 ? 'aligned to 64' : '', place.xfdCapable ? 'IA32_XFD can arm it' : '']
      .filter((word) => word !== '')
      .join(', '),
  ]);
  const about = [
    ['host', `${report.cpu ?? 'CPU not known'}, kernel ${kernelRelease ?? 'not known'}`],
    ['ends at', `${report.totalBytes}`],
    ['0xD.0.EBX', `${report.standardBytes ?? 'not read'} (with the XCR0 that is set here)`],
    ['0xD.1.EBX', `${report.compactedBytes ?? 'not read'} (compacted, XCR0 and IA32_XSS here)`],
    ['KVM supports', supportedXcr0 === null ? 'not known' : hexShort(BigInt(supportedXcr0))],
    ['as', report.presets.length === 0 ? 'no preset' : report.presets.join(', ')],
    ...report.holes.map(({ offsetBytes, sizeBytes }) => ['hole', `${sizeBytes} bytes at ${offsetBytes}`]),
    ...report.doubts.map((doubt) => ['doubt', doubt]),
  ];
  const head = ['BIT', 'COMPONENT', 'KIND', 'OFFSET', 'BYTES', ''];
  return answer({ text: `${table(about)}\n${table([head, ...rows])}`, code: EXIT.done, note: '' });
};
