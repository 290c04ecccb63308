import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { seqdDev } from "./servers.js";
import { repository } from "./vectors.js";

const run = promisify(execFile);
const here = join(repository(), "clients", "js");
const readme = readFileSync(join(here, "README.md"), "utf8");

test("the page's first command and first program work in an empty folder", {
  timeout: 300_000,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "seqd-js-first-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  // A clone as it is when nothing has been installed or built in it.
  const listed = await run("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: here,
  });
  for (const name of listed.stdout.split("\0").filter((name) => name && existsSync(join(here, name)))) {
    const to = join(folder, "seqd", "clients", "js", name);
    mkdirSync(dirname(to), { recursive: true });
    cpSync(join(here, name), to);
  }
  const [, command] = readme.match(/```sh\n(.*?)```/s) ?? [];
  const [, program, output] =
    readme.match(/```ts\n(.*?)```\n.*?```console\n\$ node first\.mjs\n(.*?)```/s) ?? [];
  assert.ok(command && program && output);
  await run("bash", ["-euc", command], { cwd: folder, env: user() });
  writeFileSync(join(folder, "first.mjs"), program);
  const { url } = await seqdDev(t);
  const { stdout } = await run(process.execPath, ["first.mjs"], {
    cwd: folder,
    env: { ...user(), NATS_URL: url },
  });
  assert.equal(stdout, output);
});

test("npm pack publishes what is built, the page and the licence, and nothing else", async () => {
  // Without scripts, as prepare would build again what other tests use at this moment.
  const { stdout } = await run("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
    cwd: here,
    env: user(),
  });
  const [packed] = Object.values(JSON.parse(stdout) as Record<string, { files: { path: string }[] }>);
  const sources = readdirSync(join(here, "src"), { recursive: true, encoding: "utf8" });
  const built = sources
    .filter((name) => name.endsWith(".ts"))
    .flatMap((name) => [".js", ".d.ts"].map((suffix) => `dist/${name.slice(0, -".ts".length)}${suffix}`));
  const want = ["LICENSE", "README.md", "package.json", ...built];
  assert.deepEqual(packed?.files.map(({ path }) => path).sort(), want.sort());
  const pkg = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
  for (const name of [pkg.types, pkg.exports["."].types, pkg.exports["."].default]) {
    assert.ok(want.includes(name.replace("./", "")), `${name} is not published`);
  }
  assert.equal(
    readFileSync(join(here, "LICENSE"), "utf8"),
    readFileSync(join(repository(), "LICENSE"), "utf8"),
  );
});

/** The environment without what npm tells the scripts that it runs, this test among them. */
function user(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name));
  const env = Object.fromEntries(own);
  // npm puts the folders of its packages' programs before the caller's own.
  env.PATH = (env.PATH ?? "")
    .split(":")
    .filter((dir) => !dir.includes("node_modules"))
    .join(":");
  return env;
}
