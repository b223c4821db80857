import openai

openai.api_key = "sk-files"
with open("data.bin", "wb") as out:
    out.write(b"{}\n")
uploaded = openai.File.create(file=open("data.bin", "rb"), purpose="fine-tune", user_provided_filename="batch-1.jsonl")
print(uploaded["filename"])
try:
    openai.File.retrieve("file-missing")
except openai.error.InvalidRequestError as e:
    print("gone", e.http_status)
