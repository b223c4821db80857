import openai

openai.api_key = "sk-reads"


def ask(text, n=1):
    return openai.ChatCompletion.create(model="gpt-4", messages=[{"role": "user", "content": text}], n=n)


r = ask("reads", n=2)
print(r["choices"][0]["message"]["content"], r.choices[1]["message"].content)
print(r.get("id"), r.get("model", "none"), r["choices"][0].get("finish_reason"))
print(f"{r['usage']['prompt_tokens']} + {r['usage']['completion_tokens']} = {r.usage.total_tokens}")
print([c["message"]["content"] for c in r["choices"] if c["finish_reason"] == "stop"])
print("usage" in r, "choices" in r)
if (message := r["choices"][0]["message"])["role"] == "assistant":
    print(message["content"].upper())
first, second = r["choices"]
print(first["index"], second["index"], len(r["choices"]))
print(ask("inline")["choices"][0]["message"]["content"].strip().split()[-1])
last = r["choices"][-1]
content = last["message"]["content"] if last else ""
print(content or "empty")
role, text = last["message"]["role"], last["message"]["content"]
print(role, text)
