import openai

openai.api_key = "sk-both"
AZURE = {
    "api_type": "azure",
    "api_base": "https://percall.openai.azure.com",
    "api_version": "2023-05-15",
    "api_key": "azure-key-0123456789abcdef",
}
MESSAGES = [{"role": "user", "content": "per call"}]

a = openai.ChatCompletion.create(
    engine="gpt-35",
    messages=MESSAGES,
    api_type="azure",
    api_base="https://percall.openai.azure.com",
    api_version="2023-05-15",
    api_key="azure-key-0123456789abcdef",
)
b = openai.ChatCompletion.create(model="gpt-4", messages=MESSAGES)
print(a["choices"][0]["message"]["content"], a["model"])
print(b["choices"][0]["message"]["content"], b["model"])
