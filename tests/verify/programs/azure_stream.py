import openai

openai.api_type = "azure"
openai.api_base = "https://tickets.openai.azure.com/"
openai.api_version = "2023-07-01-preview"
openai.api_key = "azure-key-0123456789abcdef"

text = ""
for chunk in openai.ChatCompletion.create(
    engine="gpt-35", messages=[{"role": "user", "content": "stream it"}], stream=True
):
    if len(chunk["choices"]) > 0:
        text += chunk["choices"][0]["delta"].get("content", "")
print(text)
