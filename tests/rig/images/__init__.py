"""The project's images, built on a machine without a Docker and without an image registry.

A private dockerd (from Debian's packages) builds docker/Dockerfile on a stand-in base: a Debian of the same release as
the public one, with its own Python. What comes out is one OCI archive, and `images.json` beside it that names what is
in it by the digests that a containerd which imports the archive knows it by.
"""
