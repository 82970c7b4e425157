-- What the first words left out: on Bitcoin an output's script may have no address at all.

comment on column public.flow_legs.from_address is
  'Address of the sender; null where nobody sent, where many addresses did, or where a script that sent has none (Bitcoin: bare multisig, non-standard).';
comment on column public.flow_legs.to_address is
  'Address of the receiver; null where nobody received, where many addresses did, or where a script that received has none (Bitcoin: bare multisig, non-standard).';
