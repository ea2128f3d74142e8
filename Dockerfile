# syntax=docker/dockerfile:1

# The same sources make the same image, to the digest, where the builder sets times to SOURCE_DATE_EPOCH:
# docs/dependencies.md has the command, and how to pin the base images by digest.
ARG NODE_VERSION=24.21.0
# The full image has the compilers that a dependency without a prebuilt binary may need.
ARG BUILD_IMAGE=node:${NODE_VERSION}-trixie
ARG RUN_IMAGE=node:${NODE_VERSION}-trixie-slim

FROM ${BUILD_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY scripts ./scripts
COPY src ./src
COPY jobs ./jobs
RUN npm run build && npm run --silent sbom > sbom.cdx.json
# What only building needs goes. npm keeps tools that something shipped names as optional peers.
RUN npm prune --omit=dev && \
  rm -rf node_modules/typescript node_modules/@typescript node_modules/@types node_modules/undici-types \
  node_modules/.package-lock.json

FROM ${RUN_IMAGE}
ENV NODE_ENV=production
WORKDIR /app
# Whoever runs it may write nowhere but to /data; with DATABASE_URL set, nothing is written even there.
RUN install --directory --owner=node --group=node /data
COPY package.json ./
COPY config ./config
COPY --from=build /app/node_modules ./node_modules
COPY src/console/assets ./src/console/assets
COPY src/state/migrations ./src/state/migrations
COPY --from=build /app/sbom.cdx.json ./
COPY --from=build /app/dist ./dist

ENV MAPTICIAN_SYNC_HOME=/data
VOLUME /data
USER node

# Exec form, so that SIGTERM reaches the service and it stops in order.
ENTRYPOINT ["node", "dist/src/cli/main.js"]
CMD ["start"]
# Whether the process lives. That it can work says /readyz, where the console is reached from outside.
HEALTHCHECK --interval=60s --timeout=30s --start-period=60s CMD ["node", "dist/src/console/check-health.js"]
