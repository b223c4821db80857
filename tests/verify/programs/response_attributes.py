import openai

openai.api_key = "sk-attributes"
response = openai.ChatCompletion.create(model="gpt-4", messages=[{"role": "user", "content": "attributes"}])
print(response.choices[0].message["content"])
print(response.choices[0]["message"].role)
print(response["choices"][0].finish_reason, response.usage["total_tokens"])
print(response.created, response.id)
