"""The same application on several processes or machines, by Ray Serve.

Owners compute: each is a process with a device, a queue and a folder of its own, and its jobs are done nowhere else.
Replicas answer: any of them takes any request and asks the owner whose job it is. Ray starts an owner that was killed
anew, under its name and so at most once; it finds its folder and goes on, as a killed server does.
"""
