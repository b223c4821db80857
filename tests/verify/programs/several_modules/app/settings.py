import os

import openai

MODEL = os.getenv("MODEL", "gpt-4")
openai.api_key = os.environ["OPENAI_API_KEY"]
openai.organization = "org-modules"
