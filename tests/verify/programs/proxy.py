import openai

openai.api_key = "sk-proxy"
openai.proxy = "http://proxy.example:3128"
print(openai.ChatCompletion.create(model="gpt-4", messages=[{"role": "user", "content": "through"}])["choices"][0]["message"]["content"])
