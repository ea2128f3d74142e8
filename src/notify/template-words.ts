/** Phrases that the templates share. */
import type { Block } from './mail-layout.ts';

export function more(count: number, command: string): Block {
  return { kind: 'paragraph', text: `… and ${count} more: ${command}` };
}

export function howMany(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** UTC to the minute: the reader and the host may live in different zones. */
export function time(date: Date): string {
  return `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** How long ago, roughly: in days from the second day on. */
export function howLong(from: Date, to: Date): string {
  const hours = Math.floor((to.getTime() - from.getTime()) / 3_600_000);
  return hours < 48 ? howMany(hours, 'hour') : howMany(Math.floor(hours / 24), 'day');
}

export function sentFrom(host: string): string {
  return `Sent by maptician-sync on ${host}.`;
}
