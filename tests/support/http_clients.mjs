// The npm clients of the front door, as http_clients.py does the Python ones. Its argument is the folder with
// node_modules; BASE_URL, API_KEY and MARK come from the environment.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.argv[2]}/package.json`);
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const { BASE_URL, API_KEY, MARK } = process.env;
const AUTO = "pointsman/auto", HAIKU = "claude-haiku-5-5";
const PATIENT = { Prefer: "wait=2" }, RETRIES = 20;
const SCHEMA = {
  type: "object", required: ["name", "people"], additionalProperties: false,
  properties: { name: { type: "string" }, people: { type: "integer" } },
};
const { default: OpenAI } = await load("openai");
const { generateText, generateObject, jsonSchema, streamText, tool } = await load("ai");
const { createOpenAI } = await load("@ai-sdk/openai");
const { createAnthropic } = await load("@ai-sdk/anthropic");

const said = (client, row) => `Which suites cover the parser? ${MARK} ${client} ${row}`;
const check = (holds, what) => { if (!holds) throw new Error(String(what)); };
const isText = (answer) => check(answer.includes("stand-in"), answer);
const isCity = (city) => check(city.name.includes("stand-in") && Number.isInteger(city.people), JSON.stringify(city));
const saysWhereToolsStand = async (ask) => {
  const words = await ask().then(() => "no error", (error) => error.message);
  check(words.includes("no tool is called"), words);
};
const sdk = (options = {}) => new OpenAI({ baseURL: BASE_URL, apiKey: API_KEY, ...options });
const ai = (options = {}) => createOpenAI({ baseURL: BASE_URL, apiKey: API_KEY, ...options });
const chat = (row, fields = {}) => ({
  model: AUTO, messages: [{ role: "user", content: said("openai (npm)", row) }], ...fields,
});

const rows = {
  "openai (npm)": {
    text: async (row) => isText((await sdk().chat.completions.create(chat(row))).choices[0].message.content),
    stream: async (row) => {
      let text = "";
      for await (const chunk of await sdk().chat.completions.create(chat(row, { stream: true }))) {
        text += chunk.choices[0].delta.content ?? "";
      }
      isText(text);
    },
    structured: async (row) => {
      const response_format = { type: "json_schema", json_schema: { name: "city", strict: true, schema: SCHEMA } };
      const answer = await sdk().chat.completions.create(chat(row, { model: HAIKU, response_format }));
      isCity(JSON.parse(answer.choices[0].message.content));
    },
    responses: async (row) =>
      isText((await sdk().responses.create({ model: AUTO, input: said("openai (npm)", row) })).output_text),
    tools: async (row) => {
      const tools = [{ type: "function", function: { name: "look", parameters: { type: "object", properties: {} } } }];
      await saysWhereToolsStand(() => sdk().chat.completions.create(chat(row, { tools })));
    },
    retry: async (row) => {
      const patient = sdk({ defaultHeaders: PATIENT, maxRetries: RETRIES });
      isText((await patient.chat.completions.create(chat(row))).choices[0].message.content);
    },
  },
  "AI SDK": {
    text: async (row) => isText((await generateText({ model: ai().chat(AUTO), prompt: said("AI SDK", row) })).text),
    responses: async (row) => isText((await generateText({ model: ai()(AUTO), prompt: said("AI SDK", row) })).text),
    "responses stream": async (row) =>
      isText(await streamText({ model: ai()(AUTO), prompt: said("AI SDK", row) }).text),
    structured: async (row) =>
      isCity((await generateObject({ model: ai()(HAIKU), schema: jsonSchema(SCHEMA), prompt: said("AI SDK", row) })).object),
    messages: async (row) => {
      const model = createAnthropic({ baseURL: BASE_URL, apiKey: API_KEY })(AUTO);
      isText((await generateText({ model, prompt: said("AI SDK", row), maxOutputTokens: 1000 })).text);
    },
    tools: async (row) => {
      const tools = { look: tool({ inputSchema: jsonSchema(SCHEMA) }) };
      await saysWhereToolsStand(() => generateText({ model: ai()(AUTO), prompt: said("AI SDK", row), tools }));
    },
    retry: async (row) => {
      const model = ai({ headers: PATIENT })(AUTO);
      isText((await generateText({ model, prompt: said("AI SDK", row), maxRetries: RETRIES })).text);
    },
  },
};

const outcomes = [];
// Those that are sent again come last, when the others have ended.
for (const isTurn of [(row) => row !== "retry", (row) => row === "retry"]) {
  const turn = Object.entries(rows).flatMap(([client, named]) =>
    Object.entries(named).filter(([row]) => isTurn(row)).map(async ([row, run]) => {
      const outcome = { client, row, prompt: said(client, row), error: null };
      try {
        await run(row);
      } catch (error) {
        outcome.error = `${error.name}: ${error.message}`.slice(0, 500);
      }
      return outcome;
    }),
  );
  outcomes.push(...(await Promise.all(turn)));
}
const versionOf = (name) => JSON.parse(readFileSync(`${process.argv[2]}/node_modules/${name}/package.json`)).version;
const versions = { "openai (npm)": versionOf("openai"), "AI SDK": versionOf("ai") };
process.stdout.write(JSON.stringify({ outcomes, missing: [], versions }));
