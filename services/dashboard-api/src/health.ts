/** Asks services for their health, all at once, and remembers the answer for a moment. */

export interface Target {
  name: string;
  url: string;
}

export interface Health {
  name: string;
  status: 'up' | 'down';
  ms: number;
  checked: string;
  version?: string;
  error?: string;
}

export interface Overview {
  status: 'up' | 'degraded' | 'down';
  up: number;
  total: number;
  services: Health[];
}

/** Reads "name=url,name=url"; each url is a service's root, without /healthz. */
export function parseTargets(text: string): Target[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
    .map((item) => {
      const [, name, url] = /^([\w.-]+)=(https?:\/\/\S+)$/.exec(item) ?? [];
      if (name === undefined || url === undefined) throw new Error(`SERVICES: "${item}" is not name=http(s)://address`);
      return { name, url: url.replace(/\/+$/, '') };
    });
}

async function check(target: Target, timeout: number): Promise<Health> {
  const started = performance.now();
  const result = (rest: Pick<Health, 'status' | 'version' | 'error'>): Health => ({
    name: target.name,
    ms: Math.round(performance.now() - started),
    checked: new Date().toISOString(),
    ...rest,
  });
  try {
    const response = await fetch(`${target.url}/healthz`, { signal: AbortSignal.timeout(timeout), redirect: 'error' });
    const body: unknown = await response.json();
    if (!response.ok) return result({ status: 'down', error: `answered ${response.status}` });
    const version = typeof body === 'object' && body !== null && 'version' in body ? body.version : undefined;
    return result({ status: 'up', ...(typeof version === 'string' && { version }) });
  } catch (error) {
    return result({ status: 'down', error: reason(error) });
  }
}

/** fetch hides why it failed in `cause`. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause;
  return cause instanceof Error && cause.message !== '' ? cause.message : error.message;
}

export class Monitor {
  readonly targets: Target[];
  readonly #timeout: number;
  readonly #keep: number;
  #checks: Promise<Health[]> | undefined;

  constructor(targets: Target[], timeout = 2000, keep = 2000) {
    this.targets = targets;
    this.#timeout = timeout;
    this.#keep = keep;
  }

  /** Callers within `keep` milliseconds share one round of checks. */
  check(): Promise<Health[]> {
    if (this.#checks === undefined) {
      const checks = Promise.all(this.targets.map((target) => check(target, this.#timeout)));
      this.#checks = checks;
      void checks.then(() => setTimeout(() => (this.#checks = undefined), this.#keep).unref());
    }
    return this.#checks;
  }

  async overview(): Promise<Overview> {
    const services = await this.check();
    const up = services.filter((service) => service.status === 'up').length;
    const status = up === services.length ? 'up' : up === 0 ? 'down' : 'degraded';
    return { status, up, total: services.length, services };
  }
}
