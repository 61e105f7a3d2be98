# The proxy with the runtime, the C library files that it is linked to, and nothing else: no shell, no
# package manager, no user but one without rights. `deno task test:container` builds and tries it.
#
#   docker build -t ooproxy .
#   docker run -p 8080:8080 -e LISTEN_URL=:8080 -e PROVIDER_URL=… -e UPSTREAM_URL=… ooproxy

FROM docker.io/denoland/deno:bin-2.9.6 AS deno

# The files that the runtime needs to start, each under its own path.
FROM docker.io/library/debian:13-slim AS build
COPY --from=deno /deno /usr/bin/deno
RUN mkdir -p /rootfs/app /rootfs/etc /state \
  && ldd /usr/bin/deno | grep -o '/[^ ]*' | xargs cp -L --parents -t /rootfs \
  && echo 'ooproxy:x:65532:65532:::' >/rootfs/etc/passwd \
  && echo 'ooproxy:x:65532:' >/rootfs/etc/group \
  && echo 'hosts: files dns' >/rootfs/etc/nsswitch.conf
ENV DENO_DIR=/deno-dir DENO_NO_UPDATE_CHECK=1

# The dependencies, as the lock file has them, without those of tests and demo. The cache's databases
# are left out: they could not be written to in a container.
FROM build AS dependencies
WORKDIR /opt/ooproxy
COPY deno.json deno.lock ./
RUN deno remove --quiet fast-check oidc-provider && deno install --frozen --quiet \
  && rm /deno-dir/*_cache_v*

# The sources, and the JavaScript made of them, so that no start has to make it again.
FROM dependencies AS sources
COPY LICENSE main.ts ./
COPY src src
COPY deploy/demo_proxy.ts src/app/demo.ts
RUN deno cache --frozen --quiet main.ts

FROM scratch
# For those who come from the original: TLS is always in. `--build-arg features=tls` and
# `--build-arg features=` are accepted and mean nothing.
ARG features=
# Where the sources can be found, for those who publish an image.
ARG source=
LABEL org.opencontainers.image.title="ooproxy" \
  org.opencontainers.image.description="Reverse proxy that checks OpenID Connect bearer tokens" \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.source="${source}" \
  org.opencontainers.image.version="2.0.0"
COPY --from=build /rootfs /
COPY --from=build --chown=65532:65532 /state /var/lib/ooproxy
ENV DENO_DIR=/deno-dir DENO_NO_UPDATE_CHECK=1
# Empty: settings.toml, certificates and whatever else the settings name are mounted here, or anywhere.
WORKDIR /app
USER 65532:65532
EXPOSE 8080 8443
STOPSIGNAL SIGTERM
COPY --from=build /usr/bin/deno /usr/bin/deno
COPY --from=dependencies /deno-dir/npm /deno-dir/npm
COPY --from=sources /opt/ooproxy /opt/ooproxy
COPY --from=sources /deno-dir/gen /deno-dir/gen
# What follows is written by `deno task generate`: the permissions come from the program's own table.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD [ \
  "/usr/bin/deno", \
  "run", \
  "--quiet", \
  "--no-code-cache", \
  "--cached-only", \
  "--no-prompt", \
  "-P=start", \
  "/opt/ooproxy/main.ts", \
  "health" \
]
ENTRYPOINT [ \
  "/usr/bin/deno", \
  "run", \
  "--quiet", \
  "--no-code-cache", \
  "--cached-only", \
  "--v8-flags=--max-semi-space-size=4,--no-parallel-scavenge", \
  "--no-prompt", \
  "-P=start", \
  "--allow-write=/var/lib/ooproxy,/run", \
  "--allow-run=/usr/bin/deno", \
  "/opt/ooproxy/main.ts" \
]
CMD ["serve"]
