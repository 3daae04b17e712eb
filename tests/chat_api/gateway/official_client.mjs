// The official JavaScript client against the gateway: prints what it made of each answer, as one line of JSON.
import OpenAI from "openai";

const [baseURL, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey });
const messages = [{ role: "user", content: "Hello" }];
const seen = {};
seen.models = (await client.models.list()).data.map((model) => model.id);
seen.whole = (await client.chat.completions.create({ model: "elena", messages })).choices[0].message.content;
seen.streamed = "";
for await (const chunk of await client.chat.completions.create({ model: "elena", messages, stream: true })) {
  seen.streamed += chunk.choices[0]?.delta?.content ?? "";
}
seen.response = (await client.responses.create({ model: "elena", input: "Hello" })).output_text;
try {
  await client.chat.completions.create({ model: "nobody", messages });
} catch (error) {
  seen.error = { name: error.constructor.name, status: error.status, code: error.code, has_id: !!error.requestID };
}
console.log(JSON.stringify(seen));
