import json

import openai

openai.api_key = "sk-functions"
messages = [{"role": "user", "content": "shutter"}]
functions = [{"name": "lookup", "parameters": {"type": "object", "properties": {}}}]
response = openai.ChatCompletion.create(model="gpt-4-0613", messages=messages, functions=functions)
response_message = response["choices"][0]["message"]
if response_message.get("function_call"):
    messages.append(response_message)
    messages.append({
        "role": "function",
        "name": response_message["function_call"]["name"],
        "content": json.dumps({"found": json.loads(response_message["function_call"]["arguments"])["text"]}),
    })
    final = openai.ChatCompletion.create(model="gpt-4-0613", messages=messages)
    print(final["choices"][0]["message"]["content"])
