# syntax=docker/dockerfile:1

# The full image has the compilers that a dependency without a prebuilt binary may need.
FROM node:24-trixie AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
COPY jobs ./jobs
RUN npm run build

FROM node:24-trixie-slim
ENV NODE_ENV=production
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev && npm cache clean --force && mkdir /data && chown node:node /data
COPY config ./config
COPY src/state/migrations ./src/state/migrations
COPY src/console/assets ./src/console/assets
COPY --from=build /app/dist ./dist

# The only folder that is written to; with DATABASE_URL set, the root file system may be read-only.
ENV MAPTICIAN_SYNC_HOME=/data
VOLUME /data
USER node

# Exec form, so that SIGTERM reaches the service and it stops in order.
ENTRYPOINT ["node", "dist/src/cli/main.js"]
CMD ["start"]
# Whether the process lives. That it can work says /readyz, where the console is reached from outside.
HEALTHCHECK --interval=60s --timeout=30s --start-period=60s CMD ["node", "dist/src/console/check-health.js"]
