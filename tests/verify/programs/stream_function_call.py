import json

import openai

openai.api_key = "sk-stream"
FUNCTIONS = [{"name": "weather", "parameters": {"type": "object", "properties": {"text": {"type": "string"}}}}]
name, arguments = "", ""
for chunk in openai.ChatCompletion.create(
    model="gpt-4", messages=[{"role": "user", "content": "rain in Rome?"}], functions=FUNCTIONS, stream=True
):
    delta = chunk["choices"][0]["delta"]
    if delta.get("function_call"):
        name += delta["function_call"].get("name", "")
        arguments += delta["function_call"].get("arguments", "")
print(name, json.loads(arguments))
