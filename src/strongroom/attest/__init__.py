"""What evidence is worth: pure judgement of evidence, endorsements, reference values and policy at a time.

`tee/` holds one verifier a file, each a list of numbered steps. Nothing here opens anything or asks a clock: what a
verifier needs, it names (`wants`), and a hand fetches it.
"""
