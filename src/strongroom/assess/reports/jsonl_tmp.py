"""tmp"""
import json
from strongroom.model.ports import Report
def render(a, cat):
    by={x.id:x for x in a.assets}
    for f in a.findings:
        c=cat.checks.get(f.check)
        x=by[f.asset]
        yield json.dumps({"control":f.control,"check":f.check,"status":f.status,"equivalents":c.equivalents if c else [],"asset":{"id":x.id,"kind":x.kind,"address":x.address},"args":f.arguments})+"\n"
REPORT=Report("jsonl","x","jsonl",render)
