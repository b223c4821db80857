import json

import openai

openai.api_key = "sk-functions"
FUNCTIONS = [{
    "name": "lookup",
    "description": "Look a word up",
    "parameters": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
}]


def lookup(text):
    return {"length": len(text)}


messages = [{"role": "user", "content": "aperture"}]
response = openai.ChatCompletion.create(
    model="gpt-3.5-turbo-0613", messages=messages, functions=FUNCTIONS, function_call="auto"
)
message = response["choices"][0]["message"]
if message.get("function_call"):
    name = message["function_call"]["name"]
    arguments = json.loads(message["function_call"]["arguments"])
    print(name, arguments, response["choices"][0]["finish_reason"])
    messages.append({"role": "assistant", "content": None, "function_call": {"name": name, "arguments": "{}"}})
    messages.append({"role": "function", "name": name, "content": json.dumps(lookup(**arguments))})
second = openai.ChatCompletion.create(model="gpt-3.5-turbo-0613", messages=messages, functions=FUNCTIONS)
print(second["choices"][0]["message"]["content"], second["choices"][0]["message"].get("function_call"))
