-- Rounding to the even neighbour (IEEE 754 roundTiesToEven): Postgres's own round(numeric) goes away from zero.

create function sluice.round_half_even(value numeric, digits integer) returns numeric
language sql
immutable
parallel safe
as $$
  select case
    when abs(value - trunc(value, digits)) = ('5e-' || (digits + 1))::numeric
      then 2 * round(value * 0.5, digits)
    else round(value, digits)
  end
$$;
comment on function sluice.round_half_even(numeric, integer) is
  'Rounds to that many decimals; a value right in the middle goes to the even neighbour.';
