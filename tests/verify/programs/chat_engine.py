import openai

openai.api_key = "sk-engine"

first = openai.ChatCompletion.create(engine="gpt-4", messages=[{"role": "user", "content": "one"}])
second = openai.ChatCompletion.create(deployment_id="gpt-4-b", messages=[{"role": "user", "content": "two"}])
third = openai.Completion.create(engine="text-davinci-003", prompt="three", max_tokens=5)
fourth = openai.Embedding.create(engine="text-embedding-ada-002", input="four")
print(first.choices[0].message.content, second.choices[0].message.content)
print(third.choices[0].text, fourth.data[0].embedding)
