import openai

openai.api_key = "sk-extra"
reply = openai.ChatCompletion.create(
    model="gpt-4",
    messages=[{"role": "user", "content": "hi"}],
    repetition_penalty=1.1,
    top_k=40,
    user="user-1",
    logit_bias={"50256": -100},
    presence_penalty=0.5,
)
print(reply["choices"][0]["message"]["content"])
