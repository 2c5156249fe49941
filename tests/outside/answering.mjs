// For scripts that stay until their stdin ends: each line on stdin is a question as JSON, each line on stdout
// {"answer": …}, or {"error": "…"} when the question could not be answered.
import {createInterface} from 'node:readline';

export async function answerEach(answer) {
  for await (const line of createInterface({input: process.stdin})) {
    let said;
    try {
      said = {answer: await answer(JSON.parse(line))};
    } catch(error) {
      said = {error: error.stack ?? String(error)};
    }
    process.stdout.write(`${JSON.stringify(said)}\n`);
  }
}
