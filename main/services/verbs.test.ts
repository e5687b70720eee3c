import { describe, expect, test } from 'vitest';
import { problemOfCall } from './verbs.ts';

const SESSION = 'ab'.repeat(16);

describe('[C24] calls of the page are hostile until checked', () => {
  test.each([
    ['hostFacts', []],
    ['attach', [4242, '123456', 0, false]],
    ['openFile', ['a.json', 'e30=']],
    ['chooseState', [SESSION, 1, '']],
    ['chooseState', [SESSION, 0, 'sapphire-rapids']],
    ['listModels', []],
    ['openModel', ['int8-product']],
    ['step', [SESSION, 1]],
    ['step', [SESSION, 10_000]],
    ['apply', [SESSION, [{ path: 'zmm5', value: '0x1' }]]],
    ['restore', [SESSION, { kind: 'all' }]],
    ['restore', [SESSION, { kind: 'components', bits: [0, 62] }]],
    ['restore', [SESSION, { kind: 'paths', paths: ['k1'] }]],
    ['detach', [SESSION, true]],
    ['startDemo', []],
    ['undo', [SESSION]],
    ['redo', [SESSION]],
    ['leftOvers', []],
    ['putBack', [SESSION]],
    ['compareLeftOver', [SESSION]],
    ['forgetLeftOver', [SESSION]],
  ])('%s %j passes', (verb, args) => {
    expect(problemOfCall(verb, args)).toBeNull();
  });

  test.each<[unknown, unknown]>([
    ['constructor', []],
    ['toString', []],
    ['__proto__', []],
    [7, []],
    ['hostFacts', [1]],
    ['hostFacts', { length: 0 }],
    ['attach', [1.5, '0', 0, false]],
    ['attach', [Number.NaN, '0', 0, false]],
    ['attach', [2 ** 31, '0', 0, false]],
    ['attach', [1, '-1', 0, false]],
    ['attach', [1, '01', 0, false]],
    ['attach', [1, '0', 0, 'yes']],
    ['openFile', ['', 'e30=']],
    ['openFile', ['a', 'e30=\n']],
    ['openFile', ['a', '<svg>']],
    ['openModel', ['']],
    ['openModel', ['../x']],
    ['openModel', [1]],
    ['step', [SESSION]],
    ['step', [SESSION, 0]],
    ['step', [SESSION, 1.5]],
    ['step', [SESSION, 10_001]],
    ['chooseState', [SESSION, -1, '']],
    ['chooseState', [SESSION, 0, '../x']],
    ['chooseState', [SESSION, 0, null]],
    ['capture', ['../../x']],
    ['capture', [SESSION.toUpperCase()]],
    ['apply', [SESSION, []]],
    ['apply', [SESSION, [{ path: 'k1' }]]],
    ['apply', [SESSION, [{ path: 'k1', value: 1 }]]],
    ['apply', [SESSION, [{ path: 'k1', value: '1', more: 1 }]]],
    ['apply', [SESSION, [null]]],
    ['apply', [SESSION, [{ path: 'k'.repeat(129), value: '1' }]]],
    ['restore', [SESSION, null]],
    ['restore', [SESSION, { kind: 'all', bits: [] }]],
    ['restore', [SESSION, { kind: 'components', bits: [63] }]],
    ['restore', [SESSION, { kind: 'components', bits: 'all' }]],
    ['restore', [SESSION, { kind: 'paths', paths: [''] }]],
    ['detach', [SESSION]],
    ['putBack', ['../../etc/passwd']],
    ['compareLeftOver', []],
    ['forgetLeftOver', [SESSION, SESSION]],
  ])('%s %j is refused', (verb, args) => {
    expect(problemOfCall(verb, args)).toMatch(/\w/);
  });
});
