# The same requirements as everywhere. The history is in the volume; its container may be replaced at any time.
FROM python:3.13-slim
WORKDIR /srv/dashapp
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt "redis>=6,<9"
COPY collector.py .
COPY dashapp dashapp
COPY assets assets
RUN useradd --system dashapp && install -d -m 0700 -o dashapp data
USER dashapp
VOLUME /srv/dashapp/data
ENV PORT=8050
EXPOSE 8050
CMD ["python", "-m", "dashapp", "--public"]
