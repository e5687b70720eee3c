import { readFileSync } from 'node:fs';

/** Names of users by uid, from /etc/passwd; a uid without a name there is shown as the number. */
const userNames = (passwd: string): ReadonlyMap<number, string> => {
  const names = new Map<number, string>();
  for (const line of passwd.split('\n')) {
    const [name, , uid] = line.split(':');
    if (name && uid !== undefined && /^\d+$/.test(uid) && !names.has(Number(uid))) names.set(Number(uid), name);
  }
  return names;
};

/** User names by uid, of /etc/passwd; none where that cannot be read. */
export const readUserNames = (): ReadonlyMap<number, string> => {
  try {
    return userNames(readFileSync('/etc/passwd', 'utf8'));
  } catch {
    return new Map();
  }
};
