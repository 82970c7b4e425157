-- The tables of DESIGN.md §6. Schema public is for analysts, schema sluice for our own bookkeeping.
-- The runner has made schema sluice and sluice.migrations before.
-- Hashes and addresses are text as the chain prints them, amounts integers in base units (wei, satoshi, a token's smallest unit).

comment on schema sluice is 'Bookkeeping of Sluice itself: what was read, what was migrated. Not for analysis.';

comment on table sluice.migrations is
  'Grain: one row an applied file of sql/migrations, and one for all views and rights. Source: the migration runner.';
comment on column sluice.migrations.name is 'File name of the migration; "marts" for the views of sql/marts and the rights of sql/access.sql.';
comment on column sluice.migrations.checksum is 'SHA-256 of what was applied.';
comment on column sluice.migrations.applied_at is 'When it was applied (UTC).';

create table sluice.offsets (
  chain text not null,
  topic text not null,
  next_offset bigint not null check (next_offset >= 0),
  through_height bigint check (through_height >= 0),
  primary key (chain, topic)
);
comment on table sluice.offsets is
  'Grain: one row a chain and topic. What of a topic stands in the tables, committed in the same database transaction as the rows. Source: the postgres sink.';
comment on column sluice.offsets.chain is 'Name of the chain in the config.';
comment on column sluice.offsets.topic is 'Kafka topic, prefix included.';
comment on column sluice.offsets.next_offset is 'The Kafka offset to read next.';
comment on column sluice.offsets.through_height is
  'Height of the last block whose outcome in this topic is wholly stored; null before the first, and for reorgs.';

create table sluice.label_versions (
  label_version text primary key,
  applied_at timestamptz not null
);
comment on table sluice.label_versions is
  'Grain: one row a version of the label and asset files. The version applied last is the current one. Source: the label and asset files.';
comment on column sluice.label_versions.label_version is 'Digest of the label and asset files.';
comment on column sluice.label_versions.applied_at is 'When this version was last put in force (UTC).';

create table public.chains (
  chain text primary key check (chain ~ '^[a-z0-9][a-z0-9-]*$'),
  kind text not null,
  first_height bigint check (first_height >= 0),
  first_time timestamptz,
  final_height bigint check (final_height >= first_height),
  final_hash text check (final_hash = lower(final_hash)),
  final_time timestamptz,
  watermark timestamptz,
  check (num_nulls(first_height, first_time, final_height, final_hash, final_time) in (0, 5))
);
comment on table public.chains is
  'Grain: one row a chain. Where its final data begins and ends; all but chain and kind are null until its first block is final. Source: final blocks and watermark records.';
comment on column public.chains.chain is 'Name of the chain in the config.';
comment on column public.chains.kind is 'What rules the chain follows: ethereum or bitcoin.';
comment on column public.chains.first_height is 'Height of the first final block; nothing below it is known here.';
comment on column public.chains.first_time is 'Time of the first final block (UTC).';
comment on column public.chains.final_height is 'Height of the newest final block.';
comment on column public.chains.final_hash is 'Hash of the newest final block.';
comment on column public.chains.final_time is 'Time of the newest final block (UTC).';
comment on column public.chains.watermark is
  'No valid future block can have a time below this one (UTC): what ended before it never changes again. Null while not known.';

create table public.blocks (
  chain text not null,
  height bigint not null check (height >= 0),
  block_hash text not null check (block_hash = lower(block_hash)),
  parent_hash text not null check (parent_hash = lower(parent_hash)),
  block_time timestamptz not null,
  status text not null check (status in ('final', 'orphaned')),
  primary key (chain, block_hash)
);
create unique index blocks_final_height on public.blocks (chain, height) where status = 'final';
create index blocks_height on public.blocks (chain, height);
comment on table public.blocks is
  'Grain: one row a block that is final or was orphaned. Source: headers of final blocks, and the orphaned blocks of reorgs.';
comment on column public.blocks.chain is 'Name of the chain in the config.';
comment on column public.blocks.height is 'Height of the block.';
comment on column public.blocks.block_hash is 'Hash of the block, as the chain prints it.';
comment on column public.blocks.parent_hash is 'Hash of the block below it.';
comment on column public.blocks.block_time is 'The time in the block''s own header (UTC).';
comment on column public.blocks.status is
  'final: released, never taken back. orphaned: was announced and left the chain before it was final; it turns final if it comes back and is released.';

create table public.reorgs (
  chain text not null,
  raw_offset bigint not null check (raw_offset >= 0),
  old_tip_height bigint not null,
  old_tip_hash text not null check (old_tip_hash = lower(old_tip_hash)),
  new_tip_height bigint not null,
  new_tip_hash text not null check (new_tip_hash = lower(new_tip_hash)),
  ancestor_height bigint not null,
  ancestor_hash text not null check (ancestor_hash = lower(ancestor_hash)),
  depth integer not null check (depth > 0),
  primary key (chain, raw_offset),
  check (new_tip_height > ancestor_height)
);
comment on table public.reorgs is
  'Grain: one row a reorg of the node''s chain above final blocks. Source: the gate''s reorg records.';
comment on column public.reorgs.chain is 'Name of the chain in the config.';
comment on column public.reorgs.raw_offset is 'Kafka offset of the announcement in the raw topic that caused the reorg.';
comment on column public.reorgs.old_tip_height is 'Height of the newest block before the reorg.';
comment on column public.reorgs.old_tip_hash is 'Hash of the newest block before the reorg.';
comment on column public.reorgs.new_tip_height is 'Height of the announced block that replaced it.';
comment on column public.reorgs.new_tip_hash is 'Hash of the announced block that replaced it.';
comment on column public.reorgs.ancestor_height is 'Height of the last block that both branches share.';
comment on column public.reorgs.ancestor_hash is 'Hash of the last block that both branches share.';
comment on column public.reorgs.depth is 'Number of blocks orphaned.';

create table public.flow_legs (
  chain text not null,
  height bigint not null check (height >= 0),
  block_hash text not null check (block_hash = lower(block_hash)),
  block_time timestamptz not null,
  tx_hash text check (tx_hash = lower(tx_hash)),
  leg integer not null check (leg >= 0),
  asset text not null,
  kind text not null
    check (kind in ('native', 'internal', 'token', 'withdrawal', 'reward', 'utxo', 'coinbase')),
  flow_type text not null
    check (flow_type in ('inflow', 'outflow', 'inter', 'intra', 'issued', 'redeemed')),
  from_exchange text,
  to_exchange text,
  from_address text check (from_address !~ '^0x' or from_address = lower(from_address)),
  to_address text check (to_address !~ '^0x' or to_address = lower(to_address)),
  amount numeric(78, 0) not null check (amount > 0),
  evidence text not null check (evidence in ('block', 'trace', 'prevout', 'unproven')),
  label_version text not null,
  -- A partitioned table's key must hold its partition column; block_time follows from (chain, height).
  primary key (chain, height, leg, block_time),
  check (from_exchange is not null or to_exchange is not null)
) partition by range (block_time);
create index flow_legs_tx_hash on public.flow_legs (tx_hash);
comment on table public.flow_legs is
  'Grain: one row a movement of value with a labelled side, in a final block; partitioned by month (UTC) of block_time. Unit: base units of the asset. Source: flows records.';
comment on column public.flow_legs.chain is 'Name of the chain in the config.';
comment on column public.flow_legs.height is 'Height of the block.';
comment on column public.flow_legs.block_hash is 'Hash of the block.';
comment on column public.flow_legs.block_time is 'Time of the block (UTC).';
comment on column public.flow_legs.tx_hash is
  'Hash of the transaction; null for withdrawals and rewards, which no transaction moved.';
comment on column public.flow_legs.leg is 'Counts a block''s legs from 0.';
comment on column public.flow_legs.asset is 'Symbol of the asset, as the asset file names it.';
comment on column public.flow_legs.kind is
  'What moved the value: native, internal, token, withdrawal, reward (Ethereum); utxo, coinbase (Bitcoin).';
comment on column public.flow_legs.flow_type is
  'inflow or outflow of the labelled side; inter: outflow of one exchange and inflow of another; intra: within one exchange; issued or redeemed: from or to nobody, never inflow or outflow.';
comment on column public.flow_legs.from_exchange is 'Exchange of the sender; null where the sender has no label.';
comment on column public.flow_legs.to_exchange is 'Exchange of the receiver; null where the receiver has no label.';
comment on column public.flow_legs.from_address is 'Address of the sender; null where nobody or many sent.';
comment on column public.flow_legs.to_address is 'Address of the receiver; null where nobody or many received.';
comment on column public.flow_legs.amount is 'Amount moved, integer in base units of the asset.';
comment on column public.flow_legs.evidence is
  'What the row rests on. block: data that the block''s hash commits to; trace: the node''s execution trace; prevout: the node''s spent outputs; unproven: neither.';
comment on column public.flow_legs.label_version is 'Version of labels and assets by which the leg was made.';

create table public.exchange_flows_hourly (
  chain text not null,
  exchange text not null check (exchange ~ '^[a-z0-9._-]+$'),
  asset text not null,
  hour timestamptz not null check (extract(epoch from hour)::bigint % 3600 = 0),
  inflow numeric(78, 0) not null check (inflow >= 0),
  outflow numeric(78, 0) not null check (outflow >= 0),
  netflow numeric(78, 0) not null generated always as (inflow - outflow) stored,
  inflow_inter numeric(78, 0) not null check (inflow_inter between 0 and inflow),
  outflow_inter numeric(78, 0) not null check (outflow_inter between 0 and outflow),
  intra numeric(78, 0) not null check (intra >= 0),
  inflow_txs bigint not null check (inflow_txs >= 0),
  outflow_txs bigint not null check (outflow_txs >= 0),
  inflow_transfers bigint not null check (inflow_transfers >= inflow_txs),
  outflow_transfers bigint not null check (outflow_transfers >= outflow_txs),
  issued numeric(78, 0) not null check (issued >= 0),
  redeemed numeric(78, 0) not null check (redeemed >= 0),
  fees numeric(78, 0) not null check (fees >= 0),
  complete boolean not null,
  first_height bigint not null check (first_height >= 0),
  last_height bigint not null check (last_height >= first_height),
  primary key (chain, exchange, asset, hour)
);
create index exchange_flows_hourly_hour on public.exchange_flows_hourly (chain, hour);
create index exchange_flows_hourly_date on public.exchange_flows_hourly (((hour at time zone 'UTC')::date));
comment on table public.exchange_flows_hourly is
  'Grain: one row a chain, exchange, asset and UTC hour in which any figure is not zero. Unit: base units of the asset. Source: exchange-flows records.';
comment on column public.exchange_flows_hourly.chain is 'Name of the chain in the config.';
comment on column public.exchange_flows_hourly.exchange is 'Slug of the exchange, as the label file names it.';
comment on column public.exchange_flows_hourly.asset is 'Symbol of the asset, as the asset file names it.';
comment on column public.exchange_flows_hourly.hour is 'Beginning of the hour of block time (UTC).';
comment on column public.exchange_flows_hourly.inflow is 'Amount that flowed in, from other exchanges too; base units.';
comment on column public.exchange_flows_hourly.outflow is 'Amount that flowed out, to other exchanges too; base units.';
comment on column public.exchange_flows_hourly.netflow is 'inflow - outflow; base units, signed.';
comment on column public.exchange_flows_hourly.inflow_inter is 'Part of inflow that came from other exchanges; base units.';
comment on column public.exchange_flows_hourly.outflow_inter is 'Part of outflow that went to other exchanges; base units.';
comment on column public.exchange_flows_hourly.intra is
  'Amount moved between addresses of the same exchange; base units; in neither inflow nor outflow.';
comment on column public.exchange_flows_hourly.inflow_txs is 'Number of distinct transactions with inflow.';
comment on column public.exchange_flows_hourly.outflow_txs is 'Number of distinct transactions with outflow.';
comment on column public.exchange_flows_hourly.inflow_transfers is 'Number of legs with inflow.';
comment on column public.exchange_flows_hourly.outflow_transfers is 'Number of legs with outflow.';
comment on column public.exchange_flows_hourly.issued is
  'Amount received from nobody (mint, reward, withdrawal of a stake, coinbase); base units.';
comment on column public.exchange_flows_hourly.redeemed is 'Amount sent to nobody (burn); base units.';
comment on column public.exchange_flows_hourly.fees is
  'Transaction fees that the exchange paid; base units, in the row of the native asset.';
comment on column public.exchange_flows_hourly.complete is
  'True when no future block can change the row and no earlier block is missing from it.';
comment on column public.exchange_flows_hourly.first_height is 'Height of the first block that contributed.';
comment on column public.exchange_flows_hourly.last_height is 'Height of the last block that contributed.';

create table public.assets (
  chain text not null,
  asset text not null,
  contract text check (contract !~ '^0x' or contract = lower(contract)),
  decimals integer not null check (decimals between 0 and 255),
  label_version text not null references sluice.label_versions,
  unique nulls not distinct (label_version, chain, contract)
);
comment on table public.assets is
  'Grain: one row an asset of a chain in each version of the asset files. Source: the asset files.';
comment on column public.assets.chain is 'Name of the chain in the config.';
comment on column public.assets.asset is 'Symbol of the asset.';
comment on column public.assets.contract is 'Address of the token''s contract; null for the native asset.';
comment on column public.assets.decimals is 'One whole unit is 10^decimals base units.';
comment on column public.assets.label_version is 'Version of labels and assets that the row belongs to.';

create table public.labels (
  chain text not null,
  address text not null check (address !~ '^0x' or address = lower(address)),
  exchange text not null check (exchange ~ '^[a-z0-9._-]+$'),
  wallet text,
  role text,
  valid_from date,
  source text,
  label_version text not null references sluice.label_versions,
  unique nulls not distinct (label_version, chain, address, valid_from)
);
comment on table public.labels is
  'Grain: one row an address and date from which an exchange holds it, in each version of the label files. Source: the label files.';
comment on column public.labels.chain is 'Name of the chain in the config.';
comment on column public.labels.address is 'The address, as the chain prints it.';
comment on column public.labels.exchange is 'Slug of the exchange that holds the address.';
comment on column public.labels.wallet is 'Name of the wallet, as its source has it; null where the file is empty.';
comment on column public.labels.role is 'What the wallet is for (hot, cold, deposit …); null where not known.';
comment on column public.labels.valid_from is
  'The row holds from this date, 00:00 UTC, until the address''s next row; null: always.';
comment on column public.labels.source is 'Where the fact comes from.';
comment on column public.labels.label_version is 'Version of labels and assets that the row belongs to.';

create table public.prices (
  chain text not null,
  asset text not null,
  hour timestamptz not null check (extract(epoch from hour)::bigint % 3600 = 0),
  price numeric not null check (price >= 0 and price < 'infinity'),
  primary key (chain, asset, hour)
);
comment on table public.prices is
  'Grain: one row a chain, asset and UTC hour. Unit: US dollars a whole unit of the asset. Source: none yet; the table is empty until prices are loaded.';
comment on column public.prices.chain is 'Name of the chain in the config.';
comment on column public.prices.asset is 'Symbol of the asset, as the asset file names it.';
comment on column public.prices.hour is 'Beginning of the hour (UTC) at whose end the price was taken.';
comment on column public.prices.price is 'US dollars for one whole unit of the asset at the end of the hour, exact decimal.';
