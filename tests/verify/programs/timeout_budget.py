import openai

openai.api_key = "sk-timeouts"
reply = openai.ChatCompletion.create(
    model="gpt-4", messages=[{"role": "user", "content": "slow"}], timeout=60, request_timeout=15)
print(reply["choices"][0]["message"]["content"])
print(openai.Completion.create(model="m", prompt="p", timeout=20)["choices"][0]["text"])
