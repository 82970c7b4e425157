-- Who may do what. Run again after each change of the schema and when a role appears; roles that could not be made are passed over.
--   sluice_writer: what the postgres sink needs: insert, update, select; no delete, truncate, drop, or create
--     (what an operator takes back leaves by functions of the owner, which keep it in sluice.taken_back).
--   sluice_reader: select on what is for analysts; nothing of schema sluice.
do $$
begin
  if to_regrole('sluice_writer') is not null then
    grant usage on schema public, sluice to sluice_writer;
    grant select, insert, update on
      public.chains, public.blocks, public.reorgs, public.flow_legs, public.exchange_flows_hourly,
      public.prices, sluice.offsets, sluice.label_versions
      to sluice_writer;
    grant select, insert on public.assets, public.labels to sluice_writer;
    grant select on
      sluice.migrations, sluice.rewinds, sluice.taken_back, sluice.chain_windows, sluice.asset_units, sluice.hourly_usd,
      public.exchange_flows_daily, public.exchange_flows_daily_usd,
      public.exchange_flows_24h, public.exchange_flows_24h_usd
      to sluice_writer;
    grant execute on function
      sluice.make_flow_legs_partition(date),
      sluice.take_back_blocks(text, integer, bigint, text, timestamptz),
      sluice.take_back_legs(text, integer, bigint),
      sluice.take_back_hour(text, integer, text, text, timestamptz)
      to sluice_writer;
  end if;
  if to_regrole('sluice_reader') is not null then
    grant usage on schema public to sluice_reader;
    grant select on
      public.chains, public.blocks, public.reorgs, public.flow_legs, public.exchange_flows_hourly,
      public.assets, public.labels, public.prices,
      public.exchange_flows_daily, public.exchange_flows_daily_usd,
      public.exchange_flows_24h, public.exchange_flows_24h_usd
      to sluice_reader;
  end if;
end
$$;
