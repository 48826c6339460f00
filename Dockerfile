# The app on a server of your own:  docker build -t pairs . && docker run -p 7860:7860 -v pairs-runs:/data pairs
# MRPC from a folder of yours:      docker run … -v /your/mrpc:/mrpc:ro -e MRPC_DIR=/mrpc pairs
FROM python:3.12-slim

# Spaces and many clusters run containers as user 1000
RUN useradd --create-home --uid 1000 user && mkdir /data && chown user /data
USER user
WORKDIR /home/user/app
COPY --chown=user requirements.txt .
RUN python -m venv /home/user/venv && /home/user/venv/bin/pip install --no-cache-dir -r requirements.txt
COPY --chown=user app.py ./
COPY --chown=user tabs tabs
COPY --chown=user views views
COPY --chown=user web web
COPY --chown=user static static
COPY --chown=user pipeline pipeline
COPY --chown=user layers layers
COPY --chown=user languages languages
COPY --chown=user recipes recipes

# Downloads outlive the container, as runs do
ENV PATH=/home/user/venv/bin:$PATH GRADIO_SERVER_NAME=0.0.0.0 RUNS_DIR=/data/runs HF_HOME=/data/hub
EXPOSE 7860
VOLUME /data
HEALTHCHECK --start-period=60s CMD python -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/health', timeout=5)"
# As a container's first process, Python would not hear SIGTERM: `docker stop` would wait ten seconds and kill it
STOPSIGNAL SIGINT
CMD ["python", "app.py"]
