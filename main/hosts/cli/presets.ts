import { hexShort } from '../../../app/bits/mask.ts';
import type { Answer } from '../../../app/bridge.ts';
import { answer } from '../../../app/refusals/refusal.ts';
import { componentName } from '../../../app/xsave/components.ts';
import { layoutFromCpuid } from '../../../app/xsave/layout.ts';
import { PRESETS, presetBits } from '../../../app/xsave/presets.ts';
import { jsonText, type Output, printed, table } from './output.ts';

/** `presets`: the CPUs that can be named, with what they have. */
export const presets = (json: boolean): Answer<Output> => {
  const rows = PRESETS.map((preset) => {
    const layout = layoutFromCpuid(preset.cpuid, preset.label);
    const bits = presetBits(preset);
    return { ...preset, bits, totalBytes: layout.ok ? layout.value.totalBytes : null };
  });
  if (json) {
    return answer(
      printed(
        jsonText(
          rows.map(({ name, aliases, label, vendor, source, bits, totalBytes }) => ({
            ...{ name, aliases, label, vendor, totalBytes },
            components: bits.map(componentName),
            source,
          })),
        ),
      ),
    );
  }
  const lines = rows.map(({ name, vendor, label, bits, totalBytes, aliases }) => [
    name,
    vendor,
    String(totalBytes ?? 'not known'),
    hexShort(bits.reduce((mask, bit) => mask | (1n << BigInt(bit)), 0n)),
    label,
    aliases.join(' '),
  ]);
  return answer(printed(table([['NAME', 'VENDOR', 'BYTES', 'COMPONENTS', 'CPU', 'ALSO'], ...lines])));
};
