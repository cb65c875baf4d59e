import climate from "./climate.json" with { type: "json" };

export type ClimateCity = (typeof climate.cities)[number];

/** The kinds of day that a city's months are letters of. */
export const { conditions } = climate;

/** A city of the climate table by any of its names, Chinese ones among them. */
export function findCity(name: string): ClimateCity | undefined {
  const wanted = plainName(name);
  return climate.cities.find(({ city, aliases }) =>
    [city, ...aliases].some((known) => plainName(known) === wanted),
  );
}

/** Without case, accents and what follows a comma: "São Paulo, Brazil" is "sao paulo". */
export function plainName(name: string): string {
  const [city = ""] = name.split(/[,，]/);
  return city.normalize("NFD").replaceAll(/\p{M}/gu, "").trim().toLowerCase();
}
