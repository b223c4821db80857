import openai

openai.api_key = "sk-models"
models = openai.Model.list()
names = sorted(m["id"] for m in models["data"])
print(names, "gpt-4" in names)
for model in openai.Model.list().data:
    print(model.id, model["owned_by"])
print(openai.Model.retrieve("gpt-4").id)
engines = openai.Engine.list()
print([e["id"] for e in engines["data"]][0])
try:
    openai.Model.retrieve("missing-model")
except openai.error.InvalidRequestError as e:
    print(e.code, e.param)
