import type { Answer } from '../../../app/bridge.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import { diffReport, diffText } from '../../../app/diff/diff-report.ts';
import { answer } from '../../../app/refusals/refusal.ts';
import type { VcpuChoice } from './choices.ts';
import { stateOfFile } from './files.ts';
import { jsonText, type Output } from './output.ts';
import type { DiffCommand } from './words.ts';

/** @param read takes one capture of a vCPU that runs, and lets it go */
export const diff = async (
  { sides, json }: DiffCommand,
  read: (vcpu: VcpuChoice) => Promise<Answer<Capture>>,
): Promise<Answer<Output>> => {
  const captures: Capture[] = [];
  let note = '';
  for (const { from } of sides) {
    const got: Answer<{ readonly capture: Capture; readonly note: string }> =
      from.kind === 'file' ? await stateOfFile(from.file) : await capturedNow(from.vcpu, read);
    if (!got.ok) return got;
    captures.push(got.value.capture);
    note += got.value.note;
  }
  const [a, b] = captures as [Capture, Capture];
  const report = diffReport(a, b);
  const names = [sides[0].text, sides[1].text] as const;
  return answer({ text: json ? jsonText(report) : diffText(a, b, names), code: 0, note });
};

const capturedNow = async (vcpu: VcpuChoice, read: (vcpu: VcpuChoice) => Promise<Answer<Capture>>) => {
  const capture = await read(vcpu);
  return capture.ok ? answer({ capture: capture.value, note: '' }) : capture;
};
