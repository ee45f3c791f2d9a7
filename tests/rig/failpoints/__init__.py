"""Failpoints and observers for services in test runs; the services themselves know nothing of them.

`python -m rig.failpoints <service>` wraps functions of the suite at run time (`points` lists them) and then runs the
service's own main. RIG_FAILPOINT=`name:mode:nth[:seconds]` arms one point from the start; one that writes the same to
the instance's `board` arms it while the service runs. What happened is appended to the instance's file of events.
"""
