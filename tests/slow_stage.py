"""A stage as a rule runs it, but for a line about each image that it opens, and time to kill it in."""

SCRIPT = """
import importlib, os, runpy, sys, time
module, stage, pause, log = sys.argv[1:5]
del sys.argv[1:5]
reader, log = importlib.import_module(module), os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
read = reader.read_image
def told(path):
    os.write(log, f"{path.stem}\\n".encode())
    time.sleep(float(pause))
    return read(path)
reader.read_image = told
runpy.run_module(f"dadist.stages.{stage}", run_name="__main__")
"""
