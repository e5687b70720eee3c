import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'playwright/test';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { tilescope } from '../models/tilescope.ts';

test.describe('[F25] QEMU’s migration stream of a paused guest', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  test('has what its monitor prints of the same pause', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tilescope-stream-'));
    const guest = await Guest.start({ name: 'stream' });
    try {
      const words = ['xmm3:u32[1]=0xdeadbeef', 'xmm15:u64[1]=0x0123456789abcdef', 'mxcsr=0x9fc0', 'r9=0x1234'];
      const x87 = ['fcw=0x27f', 'fsw=0x3000', 'ftw=0xc0', 'st0=0x4000c90fdaa22168c235', 'st1=0xbffe8000000000000000'];
      const set = await tilescope('set', '--pid', String(guest.pid), ...words, ...x87);
      expect(set.code, set.err).toBe(0);
      await guest.monitor('stop');
      const said = await guest.registers();
      const file = join(folder, 'stream');
      await guest.monitor(`migrate "exec:cat > ${file}"`);
      // As wide as the guest's CPU has them.
      const kind = { 32: 'xmm', 64: 'ymm', 128: 'zmm' }[said.zmm[0]?.length ?? 0] ?? '';
      const paths = ['mxcsr', 'fcw', 'fsw', 'r9', `${kind}*`, 'k*', ...said.fpr.map((_, index) => `st${index}`)];
      const { out, err, code } = await tilescope('show', file, ...paths, '--json');
      expect(code, err).toBe(0);
      const shown: Record<string, string | object> = JSON.parse(out);
      const hex = (path: string): string => {
        const value = shown[path];
        // The monitor has zeros for what is in init.
        return typeof value === 'string' ? value.slice(2) : '';
      };
      expect([hex('mxcsr'), hex('fcw'), hex('fsw')]).toEqual([said.mxcsr, said.fcw, said.fsw]);
      expect(hex('r9')).toBe('0000000000001234');
      expect(said.fpr.map((_, index) => hex(`st${index}`))).toEqual(said.fpr);
      for (const [index, value] of said.zmm.entries()) {
        expect(hex(`${kind}${index}`).slice(-value.length).padStart(value.length, '0'), `${kind}${index}`).toBe(value);
      }
      expect(hex(`${kind}3`)).toMatch(/deadbeef00000000$/);
      for (const [index, value] of said.opmask.entries()) expect(hex(`k${index}`).padStart(16, '0')).toBe(value);
    } finally {
      await guest.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
