import json

import openai

openai.api_key = "sk-files"
with open("train.jsonl", "w") as out:
    for i in range(3):
        out.write(json.dumps({"messages": [{"role": "user", "content": str(i)}]}) + "\n")

created = openai.File.create(file=open("train.jsonl", "rb"), purpose="fine-tune")
print(created["id"], created.bytes, created["status"])
print([f["id"] for f in openai.File.list()["data"]])
for file in openai.File.list().data:
    print(file["purpose"], file.bytes)
print(openai.File.retrieve(created["id"])["created_at"])
content = openai.File.download(created["id"])
print(content.decode().splitlines()[0])
print(openai.File.delete(created.id)["deleted"], len(openai.File.list()["data"]))
