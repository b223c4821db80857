import openai

openai.api_key = "sk-org"
openai.organization = "org-research"

print(openai.ChatCompletion.create(model="gpt-4", messages=[{"role": "user", "content": "hi"}])["id"])
print(len(openai.Model.list()["data"]))
