// The npm clients of the front door, as http_clients.py does the Python ones. Its argument is the folder with
// node_modules; BASE_URL, API_KEY and MARK come from the environment.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.argv[2]}/package.json`);
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const { BASE_URL, API_KEY, MARK } = process.env;
const AUTO = "pointsman/auto", HAIKU = "claude-haiku-5-5";
const PATIENT = { Prefer: "wait=2" }, RETRIES = 8;
const SCHEMA = {
  type: "object", required: ["name", "people"], additionalProperties: false,
  properties: { name: { type: "string" }, people: { type: "integer" } },
};
const { default: OpenAI } = await load("openai");
const { generateText, generateObject, jsonSchema, streamText } = await load("ai");
const { createOpenAI } = await load("@ai-sdk/openai");
const { createAnthropic } = await load("@ai-sdk/anthropic");

const said = (client, row) => `Which suites cover the parser? ${MARK} ${client} ${row}`;
const check = (holds, what) => { if (!holds) throw new Error(String(what)); };
const isText = (answer) => check(answer.includes("stand-in"), answer);
const isCity = (city) => check(city.name.includes("stand-in") && Number.isInteger(city.people), JSON.stringify(city));
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
    retry: async (row) => {
      const model = ai({ headers: PATIENT })(AUTO);
      isText((await generateText({ model, prompt: said("AI SDK", row), maxRetries: RETRIES })).text);
    },
  },
};

const outcomes = await Promise.all(
  Object.entries(rows).flatMap(([client, named]) =>
    Object.entries(named).map(async ([row, run]) => {
      const outcome = { client, row, prompt: said(client, row), error: null };
      try {
        await run(row);
      } catch (error) {
        outcome.error = `${error.name}: ${error.message}`.slice(0, 500);
      }
      return outcome;
    }),
  ),
);
const versionOf = (name) => JSON.parse(readFileSync(`${process.argv[2]}/node_modules/${name}/package.json`)).version;
const versions = { "openai (npm)": versionOf("openai"), "AI SDK": versionOf("ai") };
process.stdout.write(JSON.stringify({ outcomes, missing: [], versions }));
