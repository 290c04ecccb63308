import "reflect-metadata";
import { readFileSync } from "node:fs";
import { Logger } from "@nestjs/common";
import { ClientNats } from "@nestjs/microservices";
import { firstValueFrom, timeout } from "rxjs";

Logger.overrideLogger(false); // it writes to standard output
const servers = [process.env.NATS_URL];
const subject = process.env.WILD_SUBJECT;

// [write]
// Data alone, without Nest's envelope, and always in JSON.
class SeqdSerializer {
  serialize(packet) {
    return { data: JSON.stringify(packet.data ?? {}) };
  }
}

class SeqdDeserializer {
  deserialize(message) { // Nest 11 hands over message.data here
    const answer = JSON.parse(new TextDecoder().decode(message.data));
    return answer.code ? { err: answer, isDisposed: true } : { response: answer, isDisposed: true };
  }
}

const client = new ClientNats({ servers, serializer: new SeqdSerializer(), deserializer: new SeqdDeserializer() });
const ids = (subject, n = 1) => firstValueFrom(client.send(subject, { n }).pipe(timeout(2000)));
// [/write]

const json = JSON.stringify;
const version = JSON.parse(readFileSync("node_modules/@nestjs/microservices/package.json")).version;
console.log(`row: NestJS ${version.split(".")[0]}`);
console.log(`version: ${version} on Node ${process.versions.node.split(".")[0]}`);
console.log(`id: yes, with the lines below: \`${json(await ids(subject, 3))}\``);
await ids(subject, 0).catch((e) => console.log(`error: thrown, with the lines below: \`${json(e)}\``));
await ids("seq.nosuch.key").catch((e) => console.log(`nobody: \`${e.constructor.name}\` at once`));

// Without those lines: what comes is a value, and never an id.
const plain = new ClientNats({ servers });
const asked = (data) => firstValueFrom(plain.send(subject, data).pipe(timeout(1000))).then((v) => `the value \`${json(v)}\``, (e) => `\`${e.name}\``);
console.log(`note: without the lines below, \`send(subject, { n: 3 })\` gets ${await asked({ n: 3 })}`);
console.log(`note: the next id after that is \`${json(await ids(subject))}\``);
await plain.close();
await client.close();
