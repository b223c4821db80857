import openai

openai.api_key = "sk-history"
messages = [{"role": "user", "content": "start"}]
for step in range(2):
    response = openai.ChatCompletion.create(model="gpt-4", messages=messages)
    messages.append(response["choices"][0]["message"])
    messages.append({"role": "user", "content": f"go on {step}"})

for message in messages:
    print(message["role"], message["content"])
