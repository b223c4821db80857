import openai

openai.api_key = "sk-tuning"
with open("t.jsonl", "wb") as out:
    out.write(b"{}\n")
file = openai.File.create(file=open("t.jsonl", "rb"), purpose="fine-tune")
job = openai.FineTuningJob.create(
    training_file=file["id"], model="gpt-3.5-turbo", hyperparameters={"n_epochs": 2}, suffix="mine"
)
print(job["id"], job["status"], job["hyperparameters"]["n_epochs"])
print(openai.FineTuningJob.retrieve(job["id"])["model"])
for event in openai.FineTuningJob.list_events(id=job["id"], limit=2)["data"]:
    print(event["level"], event["message"])
print(len(openai.FineTuningJob.list(limit=5)["data"]))
print(openai.FineTuningJob.cancel(job["id"])["status"])
