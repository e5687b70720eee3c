import { readFileSync } from 'node:fs';
import { expect, test } from 'playwright/test';
import { KVM_ABSENT } from '../models/guest.ts';
import { builtFresh } from '../models/tilescope.ts';
import { playTwoUsers, type TwoUsers, WITHOUT_TWO_USERS } from '../models/two-users.ts';

const absent = KVM_ABSENT ?? WITHOUT_TWO_USERS;
test.skip(absent !== null, absent ?? '');

/** null: a kernel without Yama. */
const yamaScope = (): number | null => {
  try {
    return Number(readFileSync('/proc/sys/kernel/yama/ptrace_scope', 'utf8'));
  } catch {
    return null;
  }
};

let users: TwoUsers;
test.beforeAll(async () => {
  await builtFresh();
  users = playTwoUsers();
});

test.describe('[C64] setup-privileges', () => {
  test('shows what it would do, and does nothing', () => {
    expect(users.code('plan'), users.said('plan')).toBe(0);
    expect(users.said('plan')).toContain('groupadd --system tilescope');
    expect(users.said('plan')).toContain('setcap cap_sys_ptrace,cap_dac_read_search+ep');
    expect(users.said('plan')).toContain('Nothing was changed');
    expect(users.said('after-plan')).toContain('no-group');
    expect(users.said('after-plan')).toContain('no-files');
  });

  test('is refused to who is not root', () => {
    expect(users.code('plan-by-mara')).toBe(1);
    expect(users.said('plan-by-mara')).toContain('only root may do this');
  });

  test('installs the helper as a group’s, with its capabilities and a policy of root’s', () => {
    expect(users.code('do'), users.said('do')).toBe(0);
    expect(users.said('done')).toContain('root:tilescope 750');
    expect(users.said('done')).toMatch(/cap_dac_read_search,cap_sys_ptrace[=+]ep/);
    expect(users.said('done')).toMatch(/^allow @\d+ \d+ \/mnt\/app\/native\/demo-vmm$/m);
  });

  test('does what a refusal says it does: another user’s VMM is read and written', () => {
    if ((yamaScope() ?? 0) === 0) expect(users.code('before-own'), users.said('before-own')).toBe(0);
    expect(users.code('before-other')).not.toBe(0);
    for (const step of ['own', 'other', 'other-write']) expect(users.code(step), users.said(step)).toBe(0);
  });

  test('gives nothing beyond: root’s VMM is refused, and the list says so before', () => {
    const [mara, jorn, root] = users.said('pids').trim().split(' ').map(Number);
    expect(users.code('roots')).toBe(1);
    expect(users.said('roots')).toContain('the helper may not be used for this process');
    const list: { pid: number; attachable: boolean }[] = JSON.parse(users.said('list'));
    const attachable = new Map(list.map((row) => [row.pid, row.attachable]));
    expect([mara, jorn, root].map((pid) => attachable.get(pid ?? 0))).toEqual([true, true, false]);
  });

  test('takes everything back, and then there is nothing to take back', () => {
    expect(users.said('undo-plan')).toContain('This would be taken back');
    expect(users.code('undo'), users.said('undo')).toBe(0);
    expect(users.said('after-undo')).toContain('no-group');
    expect(users.said('after-undo')).toContain('no-files');
    expect(users.said('again')).toBe('Nothing to do\n');
    if ((yamaScope() ?? 0) === 0) expect(users.code('after-own'), users.said('after-own')).toBe(0);
    expect(users.code('after-other')).not.toBe(0);
  });
});

test.describe('[C64] the advice of a refusal, carried out as printed, works', () => {
  const expectDone = (step: string): void => expect(users.code(step), users.said(step)).toBe(0);

  test('a filter that may not be read: setup-privileges --seccomp', () => {
    expect(users.said('before-filtered')).toContain('seccomp filter that may not be read');
    expect(users.code('before-filtered')).toBe(1);
    expect(users.said('carry-filtered')).toContain('cap_sys_admin');
    expectDone('carry-filtered');
    expectDone('after-filtered');
  });

  test('not dumpable: as root, with and without a helper of the group’s', () => {
    expect(users.said('before-undumpable')).toContain('not dumpable');
    expect(users.said('before-undumpable')).toContain('run Tilescope as root');
    expect(users.said('refused-undumpable')).toContain('the helper may not be used for this process');
    expect(users.said('refused-undumpable')).toContain('run Tilescope as root');
    for (const step of ['before-undumpable', 'refused-undumpable']) expect(users.code(step)).toBe(1);
    expectDone('root-undumpable');
  });

  test('not authorised: --allow of that user, and what was given before stays given', () => {
    expect(users.said('refused-other')).toContain('the helper may not be used for this process');
    expect(users.code('refused-other')).toBe(1);
    for (const step of ['carry-other', 'carried-other', 'still-filtered']) expectDone(step);
  });

  test('another user’s, and a list that could not look into it: --allow of that user', () => {
    expect(users.said('before-again')).toContain('belongs to another user');
    const jorn = new RegExp(`^${users.said('pids').trim().split(' ')[1]} `, 'm');
    const [, advice] = /^ {2}to do: (.+)$/m.exec(users.said('before-again')) ?? [];
    expect(users.said('list-before')).toMatch(/^\d+ process(es)? of other users could not be looked into$/m);
    expect(users.said('list-before')).toContain(`  to do: ${advice}`);
    expect(users.said('list-before')).not.toMatch(jorn);
    for (const step of ['carry-undo', 'carry-again', 'carried-again', 'list-after']) expectDone(step);
    expect(users.said('list-after')).toMatch(jorn);
  });

  test('Yama: setup-privileges', () => {
    const scope = yamaScope();
    test.skip(
      scope === null || scope === 0 || scope === 3,
      `kernel.yama.ptrace_scope is ${scope ?? 'not in this kernel'}`,
    );
    expect(users.said('before-own')).toContain(`kernel.yama.ptrace_scope is ${scope}`);
    expect(users.code('before-own')).toBe(1);
    expectDone('own');
  });
});
