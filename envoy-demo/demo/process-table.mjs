// The processes of this machine, from /proc, or from ps where there is no /proc.

import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** `[{pid, parent, command}]`; a process that has ended but was not reaped has an empty command. */
export async function processTable() {
  const names = await readdir('/proc').catch(() => []);
  const pids = names.filter((name) => /^\d+$/.test(name));
  if (pids.length === 0) {
    return fromPs();
  }
  const entries = await Promise.all(pids.map(fromProc));
  return entries.filter(Boolean);
}

async function fromProc(pid) {
  try {
    const [status, command] = await Promise.all([
      readFile(`/proc/${pid}/status`, 'utf8'),
      readFile(`/proc/${pid}/cmdline`, 'utf8'),
    ]);
    return {
      pid: Number(pid),
      parent: Number(/^PPid:\s*(\d+)/m.exec(status)[1]),
      command: command.replaceAll('\0', ' '),
    };
  } catch {
    return undefined; // It ended while we looked.
  }
}

async function fromPs() {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-ww', '-o', 'pid=,ppid=,command=']);
  return stdout
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .filter(Boolean)
    .map(([, pid, parent, command]) => ({ pid: Number(pid), parent: Number(parent), command }));
}
