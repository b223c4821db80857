# reply: {"contains": "limit", "times": 1, "status": 429, "error": "slow down"}
# reply: {"contains": "wrong", "status": 400, "error": {"message": "wrong", "code": "bad"}}
import service
from failures import Busy, Rejected

for text in ("fine", "limit", "wrong"):
    try:
        print(service.answer(text))
    except Busy as e:
        print("busy", e)
    except Rejected as e:
        print("rejected", e)
